"""What earlier runs hold, on disk, so that a later run is compared with all of it in time that follows its own rows."""
