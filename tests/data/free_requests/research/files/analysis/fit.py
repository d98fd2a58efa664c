"""Fit a polynomial by gradient descent."""

MIN_SAMPLES = 8


def predict(weights, x):
    return sum(w * x**power for power, w in enumerate(weights))


def loss(weights, points):
    return sum((predict(weights, x) - y) ** 2 for x, y in points) / len(points)


def fit(points, degree=3, learning_rate=0.004, max_steps=1500):
    if len(points) < MIN_SAMPLES:
        raise ValueError("too few samples")
    weights = [0.0] * (degree + 1)
    for _ in range(max_steps):
        for power in range(degree + 1):
            slope = sum(2 * (predict(weights, x) - y) * x**power for x, y in points)
            weights[power] -= learning_rate * slope / len(points)
    return weights
