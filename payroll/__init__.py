"""What a pay run is: the roster, the calendar, the steps from hours to net pay, and how it is paid."""

__version__ = "0.1.0"
