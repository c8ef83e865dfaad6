"""How the compiled kernel is compiled: numba, without the interpreter's lock.

`exact` keeps to IEEE arithmetic as written. `any_order` lets sums be taken in any order and products be fused, which the error
bounds of docs/theory.md, section 10, allow; NaN and infinity keep their meaning.
"""

from __future__ import annotations

from numba import njit

from certify.gain.cones import kernel_trusted

exact = njit(cache=True, nogil=True, error_model="numpy")
any_order = njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz"})

exact_sum = exact(kernel_trusted.exact_sum)
middle_error = exact(kernel_trusted.middle_error)
sifting_error = exact(kernel_trusted.sifting_error)
sign_margin = exact(kernel_trusted.sign_margin)
surely_positive = exact(kernel_trusted.surely_positive)
surely_negative = exact(kernel_trusted.surely_negative)
mixture = exact(kernel_trusted.mixture)
cone_depth = exact(kernel_trusted.cone_depth)
proved_bound = exact(kernel_trusted.proved_bound)
