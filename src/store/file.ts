/** Name of the embedded database in the data directory. */
export const databaseFile = 'waybill.db'
