"""The families, one file each. A new one is a file with a FAMILY and a line here."""
from . import coqui_gst, espnet_gst, gst_tacotron, mellotron, nemo_gst, openvoice

FAMILIES = [module.FAMILY for module in (gst_tacotron, mellotron, coqui_gst, espnet_gst, nemo_gst, openvoice)]
