"""The simulated Extended ECM and Braze over real HTTP on loopback; shares no code with the product."""
