"""Pharmacies and shops that sell their parapharmacy on eBay, Etsy and Vinted; never medicines."""
