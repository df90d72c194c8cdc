"""What anybody may ask: the CLOB's public reads, and the façades of Gamma and the Data API."""
