"""`make run`: the whole portal on one machine: servers, lab, worker, beat and web, started and stopped as one."""
