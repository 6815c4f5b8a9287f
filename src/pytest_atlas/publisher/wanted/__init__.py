"""What Atlas should show: the journals folded into a run, cards, steps and files. Pure: no clock, no file, no Atlas."""
