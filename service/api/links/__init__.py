"""Links: to which parcel a screening belongs, and to which it was thought to belong before."""
