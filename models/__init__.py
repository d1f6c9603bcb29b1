"""The networks: plain torch modules that take plain values and know nothing of data, training or analysis."""
