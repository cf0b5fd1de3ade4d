"""What the three programs of a reading study share: the cases on disk, the answers, the order, the words."""
