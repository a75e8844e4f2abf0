"""The families, one file each. A new one is a file with a FAMILY and a line here."""
from . import (adaspeech, capacitron, coqui_gst, delightful_tts, delightful_tts_phoneme, espnet_gst, gpt_sovits,
               gst_tacotron, mellotron, nemo_gst, openvoice, stylespeech, styletts2, tf1_gst)

FAMILIES = [module.FAMILY for module in (
    gst_tacotron, mellotron, coqui_gst, espnet_gst, nemo_gst, tf1_gst, delightful_tts, delightful_tts_phoneme, openvoice,
    gpt_sovits, stylespeech, styletts2, adaspeech, capacitron)]
