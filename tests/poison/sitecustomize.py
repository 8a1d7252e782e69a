"""Loaded by Python before anything else where this folder is on PYTHONPATH: one person kills whoever computes them."""

import importlib.abc
import importlib.machinery
import os
import signal
import sys

MODULE = "payroll.withheld"
VICTIM = os.environ.get("PAYROLL_TEST_POISON", "")


class Finder(importlib.abc.MetaPathFinder):
    """Finds the module as everybody does, and poisons it once it is loaded."""

    def find_spec(self, name, path, target=None):
        if name != MODULE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        load = spec.loader.exec_module

        def poisoned(module):
            load(module)
            before_tax = module.before_tax

            def before_tax_of(inputs, *arguments):
                if inputs.employee_id == VICTIM:
                    os.kill(os.getpid(), signal.SIGKILL)
                return before_tax(inputs, *arguments)

            module.before_tax = before_tax_of

        spec.loader.exec_module = poisoned
        return spec


if VICTIM:
    sys.meta_path.insert(0, Finder())
