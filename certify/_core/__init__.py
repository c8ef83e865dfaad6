"""The compiled core: one readable Python source a module, which Cython compiles when the package is built."""
