"""Curvature matrices of an objective as linear operators: Hessian, Gauss-Newton, empirical Fisher."""
