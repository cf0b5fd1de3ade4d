"""Where bleeds lie: heads turned upright, and what a small network and plain geometry say of cells."""
