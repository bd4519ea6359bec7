"""Studies: many trainings beside each other, their table, and searches over flags."""
