"""A face for notebooks: a widget with sliders and a live preview."""
