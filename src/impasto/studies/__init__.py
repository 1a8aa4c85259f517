"""Studies: one pair painted under many recipes; feature visualization."""
