/* Online back-propagation of a multi-layer perceptron in plain C.
 *
 * Made for one network by macros, so that all loops have constant bounds:
 *   SIZES         nodes of every layer, e.g. -DSIZES=784,100,10
 *   REAL          float or double
 *   HIDDEN        SIGMOID or TANH, of the hidden layers
 *   OUTPUT        SIGMOID or LINEAR (squared error), or SOFTMAX (cross-entropy)
 *   LIST_INPUTS   1: the inputs that are not zero are listed first, without a branch; 0: they are all
 *   LANES         numbers; what each row of weights is padded to a multiple of
 *
 * The first layer has a row of weights for each input, the others have one for each output.
 */
#include <math.h>

typedef REAL real;

enum { SIGMOID, TANH, LINEAR, SOFTMAX };

static const int sizes[] = {SIZES};
#define LAYERS ((int)(sizeof sizes / sizeof *sizes) - 1)
#define WIDEST 4096 /* nodes of a layer */
#define INLINE static inline __attribute__((always_inline))
#define UP(n) (((n) + LANES - 1) / LANES * LANES)

static real a[LAYERS][WIDEST] __attribute__((aligned(4096)));     /* outputs, pads 0 */
static real delta[LAYERS][WIDEST] __attribute__((aligned(4096))); /* errors, pads 0 */
static int place[WIDEST];
static real value[WIDEST];

/* The q-th of the inputs that count, and what it adds to h_j. */
#define PLACE(q) (LIST_INPUTS ? place[q] : (q))
#define VALUE(q) (LIST_INPUTS ? value[q] : x[q])
#define TERM(q) (VALUE(q) * w[PLACE(q) * s + j])

/* List the inputs that are not zero, without a branch; return how many. */
INLINE int list_inputs(int n_in, const real *restrict x)
{
    int m = 0;
    for (int k = 0; k < n_in; k++) {
        place[m] = k;
        value[m] = x[k];
        m += x[k] != 0;
    }
    return m;
}

/* h = x W + b of m inputs, all or those listed, eight rows at a time. */
INLINE void forward(int m, int s, const real *restrict w, const real *restrict b,
                    const real *restrict x, real *restrict h)
{
    for (int j = 0; j < s; j++)
        h[j] = b[j];
    int q = 0;
    for (; q + 8 <= m; q += 8)
        for (int j = 0; j < s; j++)
            h[j] += ((TERM(q) + TERM(q + 1)) + (TERM(q + 2) + TERM(q + 3))) +
                    ((TERM(q + 4) + TERM(q + 5)) + (TERM(q + 6) + TERM(q + 7)));
    for (; q < m; q++)
        for (int j = 0; j < s; j++)
            h[j] += TERM(q);
}

INLINE void forward_by_output(int s, int n_out, const real *restrict w, const real *restrict b,
                              const real *restrict x, real *restrict h)
{
    for (int j = 0; j < n_out; j++) {
        real sum = b[j];
        for (int k = 0; k < s; k++)
            sum += x[k] * w[j * s + k];
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
INLINE void backward_by_output(int s, int n_out, real eta, real *restrict w, real *restrict b,
                               const real *restrict d, const real *restrict below,
                               real *restrict d_below)
{
    for (int k = 0; k < s; k++)
        d_below[k] = 0;
    for (int j = 0; j < n_out; j++) {
        real step = eta * d[j];
        for (int k = 0; k < s; k++) {
            d_below[k] += d[j] * w[j * s + k];
            w[j * s + k] -= step * below[k];
        }
        b[j] -= step;
    }
    for (int k = 0; k < s; k++)
        d_below[k] *= slope(HIDDEN, below[k]);
}

INLINE void update(int m, int s, real eta, real *restrict w, real *restrict b,
                   const real *restrict d, const real *restrict x)
{
    for (int j = 0; j < s; j++)
        b[j] -= eta * d[j];
    for (int q = 0; q < m; q++) {
        real step = eta * VALUE(q), *restrict row = w + PLACE(q) * s;
        for (int j = 0; j < s; j++)
            row[j] -= step * d[j];
    }
}

/* Train for some epochs; W and b hold each layer's weights and biases. */
void train(real *const *W, real *const *b, const real *restrict X, const real *restrict T,
           long rows, long epochs, double learning_rate)
{
    const real eta = (real)learning_rate;
    const int n_in = sizes[0], s_1 = UP(sizes[1]), n_out = sizes[LAYERS];

    for (long sample = 0; sample < rows * epochs; sample++) {
        const real *restrict x = X + sample % rows * n_in, *restrict t = T + sample % rows * n_out;
        const int m = LIST_INPUTS ? list_inputs(n_in, x) : n_in;

        forward(m, s_1, W[0], b[0], x, a[0]);
        activate(LAYERS == 1 ? OUTPUT : HIDDEN, sizes[1], a[0]);
#pragma GCC unroll 8
        for (int l = 1; l < LAYERS; l++) {
            forward_by_output(UP(sizes[l]), sizes[l + 1], W[l], b[l], a[l - 1], a[l]);
            activate(l + 1 == LAYERS ? OUTPUT : HIDDEN, sizes[l + 1], a[l]);
        }

        for (int j = 0; j < n_out; j++) {
            real y = a[LAYERS - 1][j];
            delta[LAYERS - 1][j] = (y - t[j]) * slope(OUTPUT, y);
        }
#pragma GCC unroll 8
        for (int l = LAYERS - 1; l > 0; l--)
            backward_by_output(UP(sizes[l]), sizes[l + 1], eta, W[l], b[l], delta[l], a[l - 1],
                               delta[l - 1]);
        update(m, s_1, eta, W[0], b[0], delta[0], x);
    }
}
