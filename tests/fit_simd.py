"""Where the coefficients in kernels/transcendental.py come from: minimax fits by Remez exchange."""

from mpmath import bernoulli, cos, exp, factorial, log, lu_solve, matrix, mp, mpf, pi, sqrt

mp.dps = 60
EDGE = 1 + mpf(2) ** -12  # rounding may leave the interval by a hair


def remez(f, weight, low, high, degree, grid=600, rounds=12):
    """The polynomial p that minimises the greatest |weight (f - p)| on [low, high], and that."""
    n = degree + 2

    def nodes(m):
        return [(low + high) / 2 - (high - low) / 2 * cos(pi * i / m) for i in range(m + 1)]

    x, dense = nodes(n - 1), nodes(grid)
    for _ in range(rounds):
        rows = [[t**j for j in range(n - 1)] + [(-1) ** i / weight(t)] for i, t in enumerate(x)]
        *c, level = lu_solve(matrix(rows), matrix([f(t) for t in x]))
        error = [weight(t) * (f(t) - sum(a * t**j for j, a in enumerate(c))) for t in dense]
        runs = [[0]]  # between two changes of sign
        for i in range(1, len(dense)):
            if error[i] * error[i - 1] < 0:
                runs.append([])
            runs[-1].append(i)
        peaks = [max(run, key=lambda i: abs(error[i])) for run in runs]
        greatest = max(abs(e) for e in error)
        if len(peaks) != n or greatest < abs(level) * (1 + mpf(10) ** -4):
            break
        x = [dense[i] for i in peaks]
    return [float(a) for a in c], greatest


def exp_rest(r):
    return sum(r**k / factorial(k + 2) for k in range(40))  # (exp(r) - 1 - r) / r^2


def log_rest(z):
    return sum(2 * z**k / (2 * k + 3) for k in range(60))  # (log((1+s)/(1-s)) - 2s) / s^3, z = s^2


def tanh_rest(z):  # (r / tanh(r) - 1) / r^2, z = r^2
    return sum(4**k * bernoulli(2 * k) / factorial(2 * k) * z ** (k - 1) for k in range(1, 40))


def coefficients(exp_degree, log_degree, tanh_degree):
    """Return the polynomials of exp, log and tanh, lowest power first."""
    r_max, z_max = log(mpf(2)) / 2 * EDGE, (3 - sqrt(mpf(8))) ** 2 * EDGE
    of_exp, _ = remez(
        exp_rest, lambda r: (abs(r) ** 1.5 + 1e-3) / exp(r), -r_max, r_max, exp_degree
    )
    of_log, _ = remez(log_rest, lambda z: (z + 1e-5) / 2, mpf(0), z_max, log_degree)
    of_tanh, _ = remez(tanh_rest, lambda z: z + 1e-5, mpf(0), r_max**2 / 4, tanh_degree)
    return tuple(of_exp), tuple(of_log), tuple(of_tanh)
