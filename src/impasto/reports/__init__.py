"""Self-contained HTML pages and their plots; they open from disk, without a network.

``html``: templates, embedded pictures.
``parts``: figures with captions, recipes as tables.
``run_report``: page of one painting; ``loss_curves``: its plot.
``study_report``: page of a study's grid; ``tradeoff_plot``: its plot.
``gallery``: page of a folder of results; ``gallery_commands``: the commands that remake them.
"""
