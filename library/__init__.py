"""Reference libraries and methods: HDF5 store, imports, starter library, training method."""
