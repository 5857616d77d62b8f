//! What ops do, over ports: dead letters and their replay, executions, reconcile, load.
