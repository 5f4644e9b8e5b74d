"""What `feedback` decides: whom to ask and when, and where an answer belongs; asks no system."""
