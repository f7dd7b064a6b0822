/** What the server calls itself; a test holds the version to package.json's. */
export const SERVER_NAME = 'plumbline';
export const VERSION = '0.1.0';
