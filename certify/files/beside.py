"""What people save beside the weights, told by its name: records of the training, names, data; and normalisers, which change the function.

Only what is known to be no part of the network is left out. A name that could be anything is not.
"""

from __future__ import annotations

import re
from enum import StrEnum
from math import prod

from certify.files.container import StoredArray
from certify.files.text import vocabulary

SIZES_CAP = 8  # entries of an array of sizes

# a name is a record where all its words are among these, one of them among the first
RECORD_WORDS = vocabulary(
    "loss losses cost costs history histories acc accs accuracy accuracies error errors err mse rmse mae r2 score scores",
    "auc metric metrics epoch epochs step steps iter iters iteration iterations niter nit nfev lr rate size seed seeds",
    "time times seconds elapsed duration date timestamp version patience objective curve decay wd l2 grad gradient",
)
# these say so in a group of any name, where others do not: dropout/rate
CLEAR_WORDS = vocabulary("loss losses history acc accuracy epoch epochs step steps iterations")
MORE_WORDS = vocabulary(
    "val valid validation train training test testing eval dev best final last initial init total avg average mean std min",
    "max norm n num number of global batch learning weight random state log logs per at start end current model run fit",
    "value values early stopping",
)
RANDOM_STATE = frozenset({"random_state", "rng_state"})
SIZE_WORDS = vocabulary(
    "n num number dim dims dimension dimensions size sizes width units neurons shape layers architecture"
)
MORE_SIZE_WORDS = vocabulary("of in out input inputs output outputs hidden features samples classes layer d m k h x y")
LABELS = re.compile(
    r"class(es)?|(class|label|feature|target|column|input|output)_?(names?|labels|ids|list)|columns|categories|names?"
    r"|comments?|descriptions?|notes?|info|metadata|meta"
)
DATA = re.compile(
    r"(x|y|inputs?|targets?|features|labels|data)(_?(train|test|val|valid|validation|dev|all|tr|te))?"
    r"|(train|test|val|valid|validation|dev)_(x|y|inputs?|targets?|features|labels|data|idx|index|indices|mask)"
    r"|sample_weights?|(y|targets?)_?(pred|hat)|yhat|predictions?|residuals?"
)
NORMALISER_WORDS = vocabulary(
    "mean means std stds stdev stddev sd var variance variances mu sigma scale scales scaler scalers scaling offset offsets",
    "shift shifts center centre loc min max mins maxs minimum maximum norm norms normalizer normaliser normalization",
    "normalisation standardizer standardiser standardization whiten whitening median iqr ptp quantiles preprocess",
    "preprocessing preprocessor preproc transform transforms transformer pca components lo hi lower upper encoder onehot",
)
JOINED = re.compile(
    r"(x|y|in|input|out|output|feature|target|data|train)s?(means?|stds?|mins?|maxs?|mu|sigma|scaler?|offset|shift|var)"
)


class Beside(StrEnum):
    """What an array is that is not a parameter."""

    RECORD = "record"
    NORMALISER = "normaliser"
    DATA = "data"
    TEXT = "text"


def beside(array: StoredArray) -> Beside | None:
    """What an array is that lies beside the weights, by its name; a text or a date also by its type.

    None where it may be anything, a parameter among them.
    """
    words = words_of(array.key)
    if is_record(array, words):
        return Beside.RECORD
    if NORMALISER_WORDS & set(words) or any(JOINED.fullmatch(word) for word in words):
        return Beside.NORMALISER
    if DATA.fullmatch("_".join(words_of(re.split(r"[./]", array.key)[-1]))):
        return Beside.DATA
    return Beside.TEXT if array.dtype == "string" or re.match(r"[<>|=]?[USMm]\d", array.dtype) else None


def goes_along(array: StoredArray) -> bool:
    """Whether an array says something of the model that other weights do not change: a text, names, classes."""
    text = array.dtype == "string" or re.match(r"[<>|=]?[US]\d", array.dtype) is not None
    number = re.match(r"[<>|=]?[biuf]\d", array.dtype) is not None
    return text or (number and LABELS.fullmatch("_".join(words_of(array.key))) is not None)


def is_record(array: StoredArray, words: list[str]) -> bool:
    """A record of the training, a list of names or of classes, or sizes as whole numbers."""
    name, found = "_".join(words), set(words)
    if LABELS.fullmatch(name) or name in RANDOM_STATE:
        return True
    if found & RECORD_WORDS and found <= RECORD_WORDS | MORE_WORDS:
        return True
    last = set(words_of(array.key.rsplit("/", 1)[-1]))
    if last & CLEAR_WORDS and last <= RECORD_WORDS | MORE_WORDS:
        return True
    whole = re.match(r"[<>|=]?[iu]\d", array.dtype) is not None and prod(array.shape) <= SIZES_CAP
    return whole and found <= SIZE_WORDS | MORE_SIZE_WORDS and (bool(found & SIZE_WORDS) or array.shape == ())


def words_of(key: str) -> list[str]:
    """The words of a name, in small letters: `valLoss`, `val_loss` and `val.loss` are two."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", key)
    return [word for word in re.split(r"[^a-z0-9]+", parted.lower()) if word]
