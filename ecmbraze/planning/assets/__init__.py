"""What an asset of Braze becomes in ECM: its document, its references, its name, and the writes that follow."""
