/* Online back-propagation of a multi-layer perceptron in plain C.
 *
 * One source for every network, made by macros:
 *
 *   SIZES         nodes of every layer, e.g. -DSIZES=784,100,10, so that all loops have constant
 *                 bounds; without it they are what `train` is given
 *   REAL          float or double
 *   HIDDEN        SIGMOID or TANH, of the hidden layers
 *   OUTPUT        SIGMOID or LINEAR (squared error), or SOFTMAX (cross-entropy)
 *   LIST_INPUTS   1: the inputs that are not zero are listed first, without a branch; 0: they are all
 *   ROW_BYTES     what each row of weights is padded to a multiple of
 *   BY_OUTPUT     1: later layers have a row for each output; 0: one for each input, as the first
 *
 * By input, a layer is (n_in + 1) rows of weights, row 0 the bias node's, whose output is -1.
 * By output, it is n_out rows of weights [w_1 .. w_n], and then a row of their biases.
 */
#include <math.h>
#include <string.h>

typedef REAL real;

enum { SIGMOID, TANH, LINEAR, SOFTMAX };

#ifdef SIZES
static const int sizes[] = {SIZES};
#define LAYERS ((int)(sizeof sizes / sizeof *sizes) - 1)
#else
static const int *sizes;
static int LAYERS;
#endif

#define DEEPEST 16   /* layers */
#define WIDEST 4096 /* nodes of a layer */
#define INLINE static inline __attribute__((always_inline))
#define UP(n) (((n) * (int)sizeof(real) + ROW_BYTES - 1) / ROW_BYTES * ROW_BYTES / (int)sizeof(real))

static real a[DEEPEST][WIDEST] __attribute__((aligned(64)));     /* outputs, pads 0 */
static real delta[DEEPEST][WIDEST] __attribute__((aligned(64))); /* errors, pads 0 */
static int position[WIDEST];
static real value[WIDEST];

/* h = x W of all inputs, eight rows at a time. */
INLINE void forward(int n_in, int s, const real *restrict W, const real *restrict x,
                    real *restrict h)
{
    for (int j = 0; j < s; j++)
        h[j] = -W[j];
    const real *w = W + s;
    int k = 0;
    for (; k + 8 <= n_in; k += 8, w += 8 * s)
        for (int j = 0; j < s; j++)
            h[j] += ((x[k] * w[j] + x[k + 1] * w[s + j]) +
                     (x[k + 2] * w[2 * s + j] + x[k + 3] * w[3 * s + j])) +
                    ((x[k + 4] * w[4 * s + j] + x[k + 5] * w[5 * s + j]) +
                     (x[k + 6] * w[6 * s + j] + x[k + 7] * w[7 * s + j]));
    for (; k < n_in; k++, w += s)
        for (int j = 0; j < s; j++)
            h[j] += x[k] * w[j];
}

/* List the inputs that are not zero, without a branch; return how many. */
INLINE int list_inputs(int n_in, const real *restrict x)
{
    int m = 0;
    for (int k = 0; k < n_in; k++) {
        position[m] = k;
        value[m] = x[k];
        m += x[k] != 0;
    }
    return m;
}

/* h = x W of the m inputs listed, four rows at a time. */
INLINE void forward_listed(int m, int s, const real *restrict W, real *restrict h)
{
    for (int j = 0; j < s; j++)
        h[j] = -W[j];
    const real *w = W + s;
    int q = 0;
    for (; q + 4 <= m; q += 4) {
        const real *w0 = w + position[q] * s, *w1 = w + position[q + 1] * s;
        const real *w2 = w + position[q + 2] * s, *w3 = w + position[q + 3] * s;
        real x0 = value[q], x1 = value[q + 1], x2 = value[q + 2], x3 = value[q + 3];
        for (int j = 0; j < s; j++)
            h[j] += (x0 * w0[j] + x1 * w1[j]) + (x2 * w2[j] + x3 * w3[j]);
    }
    for (; q < m; q++)
        for (int j = 0; j < s; j++)
            h[j] += value[q] * w[position[q] * s + j];
}

INLINE void forward_by_output(int n_in, int n_out, const real *restrict W,
                              const real *restrict x, real *restrict h)
{
    int s = UP(n_in);
    const real *bias = W + n_out * s;
    for (int j = 0; j < n_out; j++) {
        real sum = -bias[j];
        for (int k = 0; k < s; k++)
            sum += x[k] * W[j * s + k];
        h[j] = sum;
    }
}

INLINE void activate(int function, int n, real *restrict h)
{
    int s = UP(n);
    if (function == SIGMOID)
        for (int j = 0; j < s; j++)
            h[j] = 1 / (1 + (sizeof(real) == 4 ? expf(-h[j]) : exp(-h[j])));
    else if (function == TANH)
        for (int j = 0; j < s; j++)
            h[j] = sizeof(real) == 4 ? tanhf(h[j]) : tanh(h[j]);
    else if (function == SOFTMAX) {
        real largest = h[0], sum = 0;
        for (int j = 1; j < n; j++)
            largest = h[j] > largest ? h[j] : largest;
        for (int j = 0; j < n; j++)
            sum += h[j] = sizeof(real) == 4 ? expf(h[j] - largest) : exp(h[j] - largest);
        for (int j = 0; j < n; j++)
            h[j] /= sum;
    }
    for (int j = n; j < s; j++)
        h[j] = 0;
}

INLINE real slope(int function, real y)
{
    return function == SIGMOID ? y * (1 - y) : function == TANH ? 1 - y * y : 1;
}

/* The error of the layer below and this layer's update, in one pass over the weights. */
INLINE void backward(int n_in, int n_out, real eta, real *restrict W, const real *restrict d,
                     const real *restrict below, real *restrict d_below)
{
    int s = UP(n_out);
    for (int j = 0; j < s; j++)
        W[j] += eta * d[j];
    for (int k = 0; k < n_in; k++) {
        real *w = W + (k + 1) * s, sum = 0, step = eta * below[k];
        for (int j = 0; j < s; j++) {
            sum += d[j] * w[j];
            w[j] -= step * d[j];
        }
        d_below[k] = sum * slope(HIDDEN, below[k]);
    }
}

INLINE void backward_by_output(int n_in, int n_out, real eta, real *restrict W,
                               const real *restrict d, const real *restrict below,
                               real *restrict d_below)
{
    int s = UP(n_in);
    real *bias = W + n_out * s;
    for (int k = 0; k < s; k++)
        d_below[k] = 0;
    for (int j = 0; j < n_out; j++) {
        real step = eta * d[j];
        for (int k = 0; k < s; k++) {
            d_below[k] += d[j] * W[j * s + k];
            W[j * s + k] -= step * below[k];
        }
        bias[j] += step;
    }
    for (int k = 0; k < s; k++)
        d_below[k] *= slope(HIDDEN, below[k]);
}

INLINE void update(int n_in, int s, real eta, real *restrict W, const real *restrict d,
                   const real *restrict x)
{
    for (int j = 0; j < s; j++)
        W[j] += eta * d[j];
    for (int k = 0; k < n_in; k++) {
        real step = eta * x[k];
        for (int j = 0; j < s; j++)
            W[(k + 1) * s + j] -= step * d[j];
    }
}

INLINE void update_listed(int m, int s, real eta, real *restrict W, const real *restrict d)
{
    for (int j = 0; j < s; j++)
        W[j] += eta * d[j];
    for (int q = 0; q < m; q++) {
        real step = eta * value[q], *restrict w = W + (position[q] + 1) * s;
        for (int j = 0; j < s; j++)
            w[j] -= step * d[j];
    }
}

/* Train for some epochs; W holds the layers one after the other. */
void train(const int *all_sizes, int layers, real *restrict W, const real *restrict X,
           const real *restrict T, long rows, long epochs, double learning_rate)
{
#ifndef SIZES
    sizes = all_sizes;
    LAYERS = layers;
#endif
    const real eta = (real)learning_rate;
    const int n_in = sizes[0], s_1 = UP(sizes[1]), n_out = sizes[LAYERS];

    for (int l = 0; l < LAYERS; l++) {
        memset(a[l], 0, UP(sizes[l + 1]) * sizeof(real));
        memset(delta[l], 0, UP(sizes[l + 1]) * sizeof(real));
    }
    for (long sample = 0; sample < rows * epochs; sample++) {
        const real *restrict x = X + sample % rows * n_in, *restrict t = T + sample % rows * n_out;
        real *w = W;
        int m = 0;

        if (LIST_INPUTS) {
            m = list_inputs(n_in, x);
            forward_listed(m, s_1, W, a[0]);
        } else
            forward(n_in, s_1, W, x, a[0]);
        activate(LAYERS == 1 ? OUTPUT : HIDDEN, sizes[1], a[0]);
        w += (n_in + 1) * s_1;
#pragma GCC unroll 8
        for (int l = 1; l < LAYERS; l++) {
            if (BY_OUTPUT) {
                forward_by_output(sizes[l], sizes[l + 1], w, a[l - 1], a[l]);
                w += sizes[l + 1] * UP(sizes[l]) + UP(sizes[l + 1]);
            } else {
                forward(sizes[l], UP(sizes[l + 1]), w, a[l - 1], a[l]);
                w += (sizes[l] + 1) * UP(sizes[l + 1]);
            }
            activate(l + 1 == LAYERS ? OUTPUT : HIDDEN, sizes[l + 1], a[l]);
        }

        for (int j = 0; j < n_out; j++) {
            real y = a[LAYERS - 1][j];
            delta[LAYERS - 1][j] = (y - t[j]) * slope(OUTPUT, y);
        }
#pragma GCC unroll 8
        for (int l = LAYERS - 1; l > 0; l--) {
            if (BY_OUTPUT) {
                w -= sizes[l + 1] * UP(sizes[l]) + UP(sizes[l + 1]);
                backward_by_output(sizes[l], sizes[l + 1], eta, w, delta[l], a[l - 1],
                                   delta[l - 1]);
            } else {
                w -= (sizes[l] + 1) * UP(sizes[l + 1]);
                backward(sizes[l], sizes[l + 1], eta, w, delta[l], a[l - 1], delta[l - 1]);
            }
        }
        if (LIST_INPUTS)
            update_listed(m, s_1, eta, W, delta[0]);
        else
            update(n_in, s_1, eta, W, delta[0], x);
    }
}
