"""The sandbox: simulated parcels and screenings for those who connect a parcel system."""
