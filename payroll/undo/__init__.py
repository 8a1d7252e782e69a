"""Undo what a pay run has done, as far as it can still be undone: a paycheck, an employer's part, or all of it.

plan.py      what each payment needs, by where it stands and what day it is; the preview
decide.py    one person proposes, another confirms
carry_out.py the saga that does it, one employer's part after the other
"""
