"""Runtime library of OpsLab: what every service needs to be observable, bounded and operable."""
