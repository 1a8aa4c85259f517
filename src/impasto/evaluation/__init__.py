"""Evaluation of results: match them with their sources, measure them, summarize and plot.

``api``: one picture, in Python.
``matching``: find the content and style that a result was made from.
``evaluator``: metrics of single results.
``set_metrics``: metrics of all results of a method.
``video``: temporal stability of frames.
``results``: tables, and means with confidence intervals.
``pareto_plot``: scatter plot of content loss against style loss.
"""
