# What the modules of the interior-point method share: relaxation.py, newton.py, direction.py and interior.py say what the names mean.

cdef struct Program:
    Py_ssize_t heads, size, raised, lowered, cut, walled, points, cone
    double* linear
    double* raising
    double* raising_weight
    double* lowering
    double* lowering_weight
    double* sides
    double* walls

cdef struct Iterate:
    Py_ssize_t length
    double* Z
    double* S
    double* roots
    double* x
    double* lam
    double* sr
    double* sz
    double* sl
    double* sb
    double* zr
    double* zz
    double* zl
    double* zb

cdef struct Multipliers:
    double* growth
    double* slopes
    double* above
    double* below
    double* normals
    double* pairs

cdef struct Scaling:
    double* wr
    double* er
    double* lr
    double* wz
    double* ez
    double* lz
    double* wl
    double* ll
    double wb, lb

cdef struct System:
    Py_ssize_t entries, padded
    Py_ssize_t* row
    Py_ssize_t* column
    double* weight
    double* T
    double* spectrum
    double* second
    double* factors
    double* raising
    double* lowering
    double* walls
    double* squares
    double* form
    double* lanes
    double* cross
    double* corner
    double* H
    double* normals
    double shared
    double* M
    double* panels
    double* work

cdef struct Step:
    Iterate move
    double* dY
    double* dX
    double* scaled
    double* cr
    double* cz
    double* cl
    double cb
    double* near_r
    double* near_z
    double* near_l
    double near_b
    double* far_r
    double* far_z
    double* far_l
    double far_b
    double primal
    double dual
    double* D
    double* on_Z
    double* on_roots
    double* on_x
    double* back
    double* rhs
    double* work

cdef struct Method:
    Program program
    Iterate at
    Iterate residuals
    Scaling scaling
    System system
    Step step
    Multipliers best
    double* duals
    double bound
    double mu
    bint resolved
