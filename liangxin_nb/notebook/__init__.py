"""IPython and ipywidgets: magics, widgets and the output of cells."""
