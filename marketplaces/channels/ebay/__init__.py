"""eBay: inventory items, offers and orders of the Sell APIs, for merchants who let us act by OAuth."""
