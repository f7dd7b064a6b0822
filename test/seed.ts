import fc from 'fast-check';

/** Property tests look at new cases wherever people work; CI must say the same of the same commit twice. */
if (process.env['CI']) fc.configureGlobal({ seed: 1 });
