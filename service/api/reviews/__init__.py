"""Reviews: results sent to a technician, alarms to be acknowledged, negatives drawn for the laboratory."""
