"""Late changes: inputs that the roster has changed after a run took them, which nobody has to ask for.

touched   whom an import changes, and which paychecks have taken that: noted in the import's own transaction
compare   what those paychecks froze, held against the roster as it is: a late change is noticed, or is settled
changes   where each stands, from the notice to the correction that pays it, or the reason why none does
"""
