"""The API at /api/v1/: what a program may ask for and do. Signed, scoped, idempotent, limited; denied by default.

A request passes, in this order: edge (size; every error is a problem document), gate (signature, rate, scope, media
type, parameters, idempotency), then the operation. Operations are thin: they do what the commands do.

Approvals are not here on purpose: a person approves, in the admin or on the command line.
"""
