"""Eigenvalues, spectral density and trace of a symmetric operator, from its products with vectors.

A keyword has the same meaning in all functions: ``k`` is the number of eigenvalues, ``max_products`` the most products
with the operator, ``probes`` the number of random vectors, ``steps`` the Lanczos steps for each of them. ``seed`` is an
int rather than a generator: a result can be repeated, and continued, from its seed alone.
"""
