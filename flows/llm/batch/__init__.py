"""The asynchronous Batch API: requests go out in files, at half price with most providers, and return within a day."""
