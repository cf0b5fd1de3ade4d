"""The page of a reading study: radiologists score pre-reads, blinded first, on this machine only."""
