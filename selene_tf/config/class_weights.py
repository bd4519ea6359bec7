"""What a --class_weights says: none, median_frequency or a number for each class."""

from selene_tf.errors import UserError

NAMES = ("none", "median_frequency")
_LARGEST = 1e6


def parse(text):
    """Reads a --class_weights.

    Args:
        text: The flag's value.

    Returns:
        One of `NAMES`, or a tuple of floats.

    Raises:
        UserError: It is something else.

    Example:
        >>> parse("median_frequency"), parse("1, 0.5")
        ('median_frequency', (1.0, 0.5))
    """
    if text in NAMES:
        return text
    try:
        weights = tuple(float(part) for part in text.split(","))
    except ValueError:
        weights = ()
    if not all(0 <= weight <= _LARGEST for weight in weights) or not any(weights):
        raise UserError(
            f"--class_weights: found '{text}', expected none, median_frequency, or a "
            "number from 0 to 1e6 for each class, not all 0, such as 1,5,2.5."
        )
    return weights
