"""The tabs of the decoding instrument, a folder each: its numbers, its link parameters, its browser half."""
