"""The web pages of the local Atlas: one module per page, and the frame that all of them share."""
