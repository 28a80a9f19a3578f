"""What is known from elsewhere, beside the census: dated events, series, and vector layers."""
