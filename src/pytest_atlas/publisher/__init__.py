"""The publisher: brings one Atlas to the desired state of one session.

`loop` reads the journals and performs the actions that `loop_state` derives from its state. `reconcile` compares the desired
with the observed state and is pure, `recovery` reads the run, `files` uploads data files.
"""
