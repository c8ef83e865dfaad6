"""HDF5, read through a separate process (certify/files/hdf5_worker.py), so that its crash or stall is only an error here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from threading import Timer
from typing import Any, TypeAlias

import numpy as np

import certify
from certify.errors import CertifyError, UnreadableFile
from certify.files.container import BYTES_CAP, HDF5, Container, StoredArray
from certify.files.text import path_name

Answer: TypeAlias = dict[str, Any]

ANSWER_SECONDS = 30.0  # wall clock; processor time is limited much more tightly inside the worker
BYTES_PER_SECOND = 4 << 20
CATALOGUE_CAP = 1 << 28
COPY_SECONDS = 120.0
WORKER = "certify.files.hdf5_worker"
COPIER = "certify.files.hdf5_copy"
WORKER_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",  # the worker computes nothing, and every thread's memory counts against its limit
    "HDF5_PLUGIN_PRELOAD": "::",  # a file must not make the library load filter plug-ins
}


def command(module: str, *arguments: object) -> list[str]:
    """Run one of our modules with this interpreter; `-P` keeps the working folder out of its import path."""
    return [
        sys.executable,
        "-P",
        "-m",
        module,
        *(os.path.abspath(a) if isinstance(a, Path) else str(a) for a in arguments),
    ]


def environment() -> dict[str, str]:
    """This process's environment, in which the worker finds this very package."""
    search = [str(Path(certify.__file__).resolve().parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(search)} | WORKER_ENVIRONMENT


def copy_structure(source: Path, target: Path, names: Sequence[str]) -> None:
    """Copy root attributes and the named root objects of an HDF5 file, in a process of its own."""
    try:
        arguments = command(COPIER, source, target, *names)
        subprocess.run(
            arguments,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=COPY_SECONDS,
            check=True,
        )
    except subprocess.SubprocessError as error:
        raise UnreadableFile(
            f"{path_name(source)}: its structure could not be copied (the HDF5 library failed on it)"
        ) from error


@contextmanager
def open_hdf5(path: Path, digest: str, size: int) -> Iterator[Container]:
    """Open an HDF5 file; its arrays are read on demand and only after the worker has checked their sizes."""
    worker = Worker(path)
    try:
        worker.await_start()
        content = worker.receive(ANSWER_SECONDS)
        arrays = {key: declare(worker, key, item) for key, item in content["arrays"].items()}
        yield Container(path, HDF5, digest, arrays, content["attributes"], tuple(content["groups"]), content["texts"])
    finally:
        worker.close()


def declare(worker: Worker, key: str, item: Answer) -> StoredArray:
    """One array of the catalogue."""
    return StoredArray(key, tuple(item["shape"]), item["dtype"], lambda: worker.read_array(key, tuple(item["shape"])))


class Worker:
    """The reading process and its two pipes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.process = subprocess.Popen(
            command(WORKER, path),
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        questions, answers = self.process.stdin, self.process.stdout
        assert questions is not None and answers is not None  # both are pipes
        self.questions, self.answers = questions, answers

    def await_start(self) -> None:
        """The worker's sign of life; without it the fault is the installation's, not the file's."""
        try:
            self.receive(ANSWER_SECONDS)
        except UnreadableFile as error:
            raise CertifyError(
                f"the process that reads HDF5 files did not start: {sys.executable} -m {WORKER}"
            ) from error

    def receive(self, seconds: float, expected_bytes: int = 0) -> Answer:
        """One frame, and after it `expected_bytes` of array content, under "content"."""
        timer = Timer(seconds, self.process.kill)
        timer.start()
        try:
            answer: Answer = json.loads(self.exactly(int.from_bytes(self.exactly(8), "little")))
            if "error" in answer:
                raise UnreadableFile(f"{path_name(self.path)}: {answer['error']}")
            if "bytes" in answer:
                answer["content"] = self.exactly(min(int(answer["bytes"]), expected_bytes))
            return answer
        finally:
            timer.cancel()

    def exactly(self, count: int) -> bytes:
        """Exactly `count` bytes from the worker; fewer mean that it crashed or was stopped."""
        content = self.answers.read(count) if count <= max(CATALOGUE_CAP, BYTES_CAP) else b""
        if len(content) < count or count == 0:
            raise UnreadableFile(f"{path_name(self.path)}: truncated or garbled file (the HDF5 library failed on it)")
        return content

    def read_array(self, key: str, shape: tuple[int, ...]) -> np.ndarray:
        """Ask for one array."""
        try:
            self.questions.write(json.dumps(key).encode("ascii") + b"\n")
            self.questions.flush()
        except OSError as error:
            raise UnreadableFile(f"{path_name(self.path)}: truncated or garbled file (reading stopped)") from error
        limit = 8 * prod(shape)
        answer = self.receive(ANSWER_SECONDS + limit / BYTES_PER_SECOND, limit)
        return np.frombuffer(answer["content"], np.dtype(answer["dtype"])).reshape(shape)

    def close(self) -> None:
        """End the process and free the pipes."""
        self.process.kill()
        self.process.wait()
        self.answers.close()
        try:
            self.questions.close()
        except OSError:
            pass  # it died with a request unread
