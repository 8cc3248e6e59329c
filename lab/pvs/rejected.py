"""Why an order at the control was not carried out."""


class Rejected(Exception):
    """An order that cannot be carried out; the words are for the operator."""
