"""Results judged: matched with what they were painted from, measured, summed up and plotted."""
