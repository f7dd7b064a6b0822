#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { compileCacheDirectory } from './directories.ts';

// Fails soft: without a place to keep compiled code the server starts a little slower.
enableCompileCache?.(compileCacheDirectory(process.env, process.platform));
// After the cache is on, so that the server's code comes from it.
void import('./server.ts').then(({ serve }) => serve());
